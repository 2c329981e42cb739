"""Sequential combinatorial auctions: the sale, how it is priced, prices solved backwards or fitted, and what they earn."""
