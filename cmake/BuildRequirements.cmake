# Finds pybind11 and OpenBLAS in the site-packages of the building interpreter.
#
# Under pip both lie in a temporary environment that is gone after the build, so what a compiler or
# the installation reads is first copied into the build folder, and only when its content changed:
# a second `pip install` then finds every object up to date.
# Sets PULLBACK_BLAS_DEFINITIONS (for the kernels) and, for a wheel, the files PULLBACK_BUNDLED_BLAS
# and PULLBACK_BUNDLED_BLAS_LICENSE.

function(pullback_ask_python result code)
  execute_process(COMMAND "${Python_EXECUTABLE}" -c "${code}" OUTPUT_VARIABLE output
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE error RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "pullback: a build requirement is missing in ${Python_EXECUTABLE}: ${error}")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()

if(PULLBACK_BUILD_PYTHON)
  if(NOT Python_Development.Module_FOUND)
    message(FATAL_ERROR "pullback: the headers of ${Python_EXECUTABLE} are missing.")
  endif()
  pullback_ask_python(pybind11_include "import pybind11; print(pybind11.get_include())")
  set(PULLBACK_PYBIND11_INCLUDE "${PROJECT_BINARY_DIR}/requirements/include")
  file(GLOB_RECURSE headers RELATIVE "${pybind11_include}" "${pybind11_include}/pybind11/*.h")
  foreach(header IN LISTS headers)
    cmake_path(GET header PARENT_PATH folder)
    file(MAKE_DIRECTORY "${PULLBACK_PYBIND11_INCLUDE}/${folder}")
    file(COPY_FILE "${pybind11_include}/${header}" "${PULLBACK_PYBIND11_INCLUDE}/${header}" ONLY_IF_DIFFERENT)
  endforeach()
endif()

set(PULLBACK_BUNDLED_BLAS "")
if(PULLBACK_SYSTEM_BLAS)
  set(PULLBACK_BLAS_DEFINITIONS "PULLBACK_BLAS_LIBRARY=\"${PULLBACK_SYSTEM_BLAS}\""
                                "PULLBACK_BLAS_PREFIX=\"${PULLBACK_SYSTEM_BLAS_PREFIX}\"")
else()
  pullback_ask_python(openblas [[
import importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec('scipy_openblas32').origin).parent / 'lib'
print(next(folder.glob('libscipy_openblas*')).as_posix())]])
  if(SKBUILD)
    set(PULLBACK_BLAS_DEFINITIONS "")
    set(PULLBACK_BUNDLED_BLAS "${PROJECT_BINARY_DIR}/requirements/libscipy_openblas.so")
    file(COPY_FILE "${openblas}" "${PULLBACK_BUNDLED_BLAS}")
    if(CMAKE_STRIP)  # names of functions that nobody outside can call: 0.9 MB, 0.2 MB of the wheel
      execute_process(COMMAND "${CMAKE_STRIP}" --strip-unneeded "${PULLBACK_BUNDLED_BLAS}" COMMAND_ERROR_IS_FATAL ANY)
    endif()
    pullback_ask_python(openblas_license [[
import importlib.metadata
print(next(f.locate() for f in importlib.metadata.files('scipy_openblas32') if 'LICENSE' in f.name))]])
    set(PULLBACK_BUNDLED_BLAS_LICENSE "${PROJECT_BINARY_DIR}/requirements/LICENSE-OpenBLAS.txt")
    file(COPY_FILE "${openblas_license}" "${PULLBACK_BUNDLED_BLAS_LICENSE}" ONLY_IF_DIFFERENT)
  else()
    set(PULLBACK_BLAS_DEFINITIONS "PULLBACK_BLAS_LIBRARY=\"${openblas}\"")
  endif()
endif()
