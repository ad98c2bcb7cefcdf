"""What a cloud's several sources share: signing, and the forms of its answers."""
