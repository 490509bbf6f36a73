"""What goes out on the wire: one module per noun, each field with its meaning."""
