"""Files of others read as data: pickles and protocol buffers whose content is never executed."""
