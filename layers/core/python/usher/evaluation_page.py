def page(report):
    return "<html></html>"


def pictures(report):
    return {"mrr": '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'}
