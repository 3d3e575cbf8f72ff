// The subcommands of drift. Each takes its own part of the command line (argv[0] is its name), prints results to stdout
// and returns the exit code; errors are thrown and become exit codes in main.cpp.
#pragma once

namespace drift {

int run_train(int argc, char** argv);
int run_launch(int argc, char** argv);
int run_eval(int argc, char** argv);
int run_convert(int argc, char** argv);
int run_describe(int argc, char** argv);
int run_data(int argc, char** argv);
int run_report(int argc, char** argv);
int run_compare(int argc, char** argv);
int run_runs(int argc, char** argv);
int run_profile(int argc, char** argv);
int run_predict(int argc, char** argv);
int run_trace(int argc, char** argv);
int run_plans(int argc, char** argv);
int run_doctor(int argc, char** argv);

}  // namespace drift
