-- Who decides an auction: the start of a node that took its submission. Of those that are open already nobody is; any node takes them over.

ALTER TABLE auctions ADD COLUMN holder TEXT NOT NULL DEFAULT '';
