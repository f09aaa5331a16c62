"""The laptop's side of a cluster that `ray up` has started. Ray is called as a command, which knows ssh, docker and clouds."""
