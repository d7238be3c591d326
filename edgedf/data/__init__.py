"""From folders of pictures to cropped faces: layouts, index, cache, the synthetic benchmark, leak probes."""
