-- Why somebody did it, in their words, where they said so.
ALTER TABLE task_event ADD COLUMN reason TEXT;
