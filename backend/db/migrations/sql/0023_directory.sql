-- People whom the account's directory has deleted are not found by it any more; the row stays, since what they wrote does.
alter table app_user add column deleted_at timestamptz;
