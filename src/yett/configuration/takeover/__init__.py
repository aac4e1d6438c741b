"""Takes the servers of an agent's client over into `yett.yaml`, and their secrets into the vault."""
