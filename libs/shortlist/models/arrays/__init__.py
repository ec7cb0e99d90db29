"""What models share on Spark: ids as indices, matrices in blocks, arrays that every task finds, scratch folders."""
