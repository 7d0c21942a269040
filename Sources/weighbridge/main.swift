Door.open()
