"""Lower precision under control: what it costs on given inputs, and which products stay exact."""
