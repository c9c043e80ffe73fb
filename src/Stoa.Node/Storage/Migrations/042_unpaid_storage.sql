-- Hours of storage that a user did not pay: ten for each, less one for each that was paid since. It grows no further than to where what is unpaid is not sent any more.
ALTER TABLE user_usage ADD COLUMN unpaid_weight BIGINT NOT NULL DEFAULT 0;
