"""offline/engines"""
