-- How the first step of a two-step sign-in was taken, for the list of a person's browsers.
alter table sign_in_step add column method text not null default 'password'
    check (method in ('password', 'single_sign_on'));
