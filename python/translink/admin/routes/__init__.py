"""admin/routes"""
