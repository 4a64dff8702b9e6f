// Browsers start no workers for pages that are opened from the disk. There, a hidden frame takes the place of the one that
// searches, under the name that the theme looks for.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.append(frame)
      this.inside = frame.contentWindow
      this.inside.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      this.inside.importScripts = (...addresses) =>
        addresses.reduce((before, next) => before.then(() => load(next, frame.contentDocument)), Promise.resolve())
      this.ready = load(address, frame.contentDocument)
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data })))
    }
  }
  window.Worker = window.IFrameWorker

  function load(address, page) {
    return new Promise((done, failed) => {
      const script = page.createElement("script")
      script.src = address
      script.onload = done
      script.onerror = failed
      page.head.append(script)
    })
  }
}
