"""The live view of a terminal, and the plain lines where there is none.

    draw      Frame(snapshot, view): one renderable, a grid of cells
    header  running  coming  ended  workers  detail  overlay
              one pane a file: values in, lines of cells out
    listing   what is in each pane, filtered          layout    who gets how many lines
    view      where the cursor stands                 moves     what a key does to it
    keys      the one table of keys                   cells     text made to fit a number of cells
    screen    runs it on a terminal                   paint     cells as what a terminal obeys
    terminal  its modes, whether it is wanted         lines     log lines, JSON lines

`lines`, `times`, `words` and `terminal` do without rich: a daemon whose output is no terminal never loads it.
"""
