"""DataFrame -> DataFrame and Column -> Column, pure: no storage, no clock, no unseeded chance."""
