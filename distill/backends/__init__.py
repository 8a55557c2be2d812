"""Everything outside this process: models, servers, teachers, trainers, and the children they run
in. A backend is one module behind a Protocol, found in a dict of names; none of them sees the
store: a stage hands them records and writes down what comes back."""
