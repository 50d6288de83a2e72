"""The GFLOPs that the VideoMamba paper and its model zoo print, by published checkpoint.

They are multiply-adds in thousand millions (arXiv 2403.06977, tables of results).
"""

PRINTED_GFLOPS: dict[str, float] = {
    "videomamba_image_tiny.in1k_res224": 1.1,
    "videomamba_image_tiny.in1k_res224to448": 4.3,
    "videomamba_image_tiny.in1k_res224to448to576": 7.1,
    "videomamba_image_small.in1k_res224": 4.3,
    "videomamba_image_small.in1k_res224to448": 16.9,
    "videomamba_image_small.in1k_res224to448to576": 28.0,
    "videomamba_image_middle.in1k_res224": 12.7,
    "videomamba_image_middle.in1k_res224to448": 50.4,
    "videomamba_image_middle.in1k_res224to448to576": 83.1,
    "videomamba_image_base.in1k_res224": 16.9,
    "videomamba_tiny.k400_f16_res224": 17,
    "videomamba_tiny.k400_f32_res224": 34,
    "videomamba_tiny.k400_f64_res224to384": 202,
    "videomamba_small.k400_f16_res224": 68,
    "videomamba_small.k400_f32_res224": 135,
    "videomamba_small.k400_f64_res224to384": 395,
    "videomamba_middle.k400_f16_res224": 202,
    "videomamba_middle.k400_f32_res224": 403,
    "videomamba_middle.k400_f64_res224to384": 2368,
    "videomamba_middle.k400_mask_ft_f8_res224": 101,
    "videomamba_middle.k400_mask_ft_f16_res224": 202,
    "videomamba_middle.k400_mask_ft_f32_res224": 403,
    "videomamba_middle.k400_mask_ft_f64_res224to384": 2368,
    "videomamba_tiny.ssv2_f8_res224": 9,
    "videomamba_tiny.ssv2_f16_res224": 17,
    "videomamba_tiny.ssv2_f16_res224to288": 28,
    "videomamba_small.ssv2_f8_res224": 34,
    "videomamba_small.ssv2_f16_res224": 68,
    "videomamba_small.ssv2_f16_res224to288": 112,
    "videomamba_middle.ssv2_f8_res224": 101,
    "videomamba_middle.ssv2_f16_res224": 202,
    "videomamba_middle.ssv2_f16_res224to288": 333,
    "videomamba_middle.ssv2_mask_ft_f8_res224": 101,
    "videomamba_middle.ssv2_mask_ft_f16_res224": 202,
    "videomamba_middle.ssv2_mask_ft_f16_res224to288": 333,
}

MISPRINTS: dict[str, str] = {
    "videomamba_small.k400_f64_res224to384": (
        "The printed 395 is taken for a misprint: counted as the other rows are, which agree, it "
        "is twice that."
    ),
}
"""Rows that the paper's own way of counting does not reproduce, each with a sentence."""
