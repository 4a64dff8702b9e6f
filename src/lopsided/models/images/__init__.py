"""Networks for images: backbones with their heads, and a small one."""
