"""What the lists were worth: ranking metrics, their intervals, and what accuracy does not show; frames in and out."""
