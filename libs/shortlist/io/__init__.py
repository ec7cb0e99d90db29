"""The only floor that touches storage: sessions, landing readers, Delta tables, publishing, manifests."""
