"""Turn the records of others into observations. Adapters may know the product, and the reader may not."""
