extern "C" int domed_test_function_that_nobody_has();
extern "C" int domed_plugin() {
  return domed_test_function_that_nobody_has();
}
