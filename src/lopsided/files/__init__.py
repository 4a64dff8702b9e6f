"""How files are read and written safely: whole or absent, regular, within memory; and the error that names them."""
