"""admin/access"""
