from setuptools import setup

requires = ["flask>=3", "inflect"]
setup(name="counted", version="1.0", py_modules=["counted"], install_requires=requires)
