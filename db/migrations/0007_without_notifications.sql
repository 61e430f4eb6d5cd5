-- Every message that only reports has a home since 0004: nothing writes here, and nothing ever read it.
drop table notification;
