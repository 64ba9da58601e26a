"""DreamBooth on the subject alone: masks for photos, and a loss that only they weigh (section 3.4).

`masked_loss` needs torch alone; training needs the extra ``persam-vos[dreambooth]``.
"""
