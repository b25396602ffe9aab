"""Files of others read as data: pickles, torch files, protocol buffers, tensors, boosters; nothing is ever executed."""
