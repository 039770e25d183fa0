"""Curves as SVG, by hand. Both axes are logarithmic; what is at 0 stands at the left, apart."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 60, 180, 20, 50
COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed', '#0891b2', '#4b5563', '#be185d', '#65a30d']


def scale(values, low, high):
    """of the decades around the values; returns the ticks, and where a value is"""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    last = max(last, first + 1)
    return [10.0 ** e for e in range(first, last + 1)], lambda v: low + (math.log10(v) - first) / (last - first) * (high - low)


def text(x, y, what, **more):
    return '<text x="%.1f" y="%.1f"%s>%s</text>' % (x, y, ''.join(' %s="%s"' % (k.replace('_', '-'), v) for k, v in more.items()), escape(what))


def curves(lines, x_title, y_title):
    """lines: {name: [(x, y), ...]}"""
    xs = [x for line in lines.values() for x, _ in line if x > 0]
    ys = [y for line in lines.values() for _, y in line if y]
    x_ticks, at_x = scale(xs, LEFT + 60, WIDTH - RIGHT)
    y_ticks, at_y = scale(ys, HEIGHT - BOTTOM, TOP)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>']
    for tick in y_ticks:
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e5e7eb"/>' % (LEFT, WIDTH - RIGHT, at_y(tick), at_y(tick)))
        out.append(text(LEFT - 6, at_y(tick) + 4, '%g' % tick, text_anchor='end'))
    for x, label in [(LEFT + 10, '0')] + [(at_x(tick), '{:,.0f}'.format(tick)) for tick in x_ticks]:
        out.append(text(x, HEIGHT - BOTTOM + 18, label, text_anchor='middle'))
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x_title, text_anchor='middle'))
    out.append(text(12, TOP - 6, y_title))
    # names beside the ends of their curves, not over each other
    taken = TOP - 14
    for (name, line), colour in sorted(zip(lines.items(), COLOURS), key=lambda e: at_y(e[0][1][-1][1] or min(ys))):
        points = [(at_x(x) if x > 0 else LEFT + 10, at_y(y)) for x, y in line if y]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (colour, ' '.join('%.1f,%.1f' % p for p in points)))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x, y, colour) for x, y in points]
        taken = max(points[-1][1] + 4, taken + 14)
        out.append(text(WIDTH - RIGHT + 8, taken, name, fill=colour))
    return '\n'.join(out + ['</svg>', ''])
