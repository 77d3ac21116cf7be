/* An extension of Python that keeps the bytes of an object, and not the object. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static const char *kept;
static Py_ssize_t length;

static PyObject *keep(PyObject *self, PyObject *bytes)
{
    (void)self;
    if (!PyBytes_Check(bytes))
        return PyErr_Format(PyExc_TypeError, "bytes are wanted");
    length = PyBytes_Size(bytes);
    kept = PyBytes_AsString(bytes); /* guilty */
    Py_RETURN_NONE;
}

static PyObject *total(PyObject *self, PyObject *unused)
{
    long sum = 0;
    (void)self, (void)unused;
    for (Py_ssize_t i = 0; i < length; i++)
        sum += kept[i]; /* crashes */
    return PyLong_FromLong(sum);
}

static PyMethodDef methods[] = {
    {"keep", keep, METH_O, NULL},
    {"total", total, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "kept", NULL, -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_kept(void)
{
    return PyModule_Create(&module);
}
