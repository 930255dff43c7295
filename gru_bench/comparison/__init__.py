"""From a task and its data to a decision between cells: plan, equal tuning, paired seeds, answer."""
