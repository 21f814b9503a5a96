//! The media thread and its sockets.
