"""What detection and the guards of arguments find, by kind and source, in texts that others wrote."""
