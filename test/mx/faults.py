SLOW = []; ALL = []; LAST = []
