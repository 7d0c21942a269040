print("weighbridge")
