"""The layers of the language, one family a file: parameters, shapes, masks, weights, ops."""
