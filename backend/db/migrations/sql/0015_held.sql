-- Why a client holds alerts back now (do not disturb, quiet hours), as it says itself, and until when; null until it says
-- otherwise. Receipts decide what came of an alert; this only tells people beforehand.
alter table client_presence
    add column held text check (char_length(held) <= 40),
    add column held_until timestamptz;
