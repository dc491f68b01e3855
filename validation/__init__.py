"""The judge: does what is promised hold?"""
