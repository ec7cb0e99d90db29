"""What each job does, one readable function a job."""
