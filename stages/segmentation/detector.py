"""Where the embryos of one frame are, by GroundingDINO: a box for everything that the prompt names."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from stages.networks import model_folder, pretrained
from stages.segmentation.seed_boxes import Boxes, Settings, choose, reduced


class Detector:
    """GroundingDINO, from a folder of transformers' with its tokenizer."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        from transformers import GroundingDinoForObjectDetection

        self._network = pretrained.load_network(GroundingDinoForObjectDetection, folder)
        self._settings = settings
        # The network was trained on phrases in small letters, each ended by a full stop.
        text = settings.prompt.lower().strip(" .") + "."
        self._text = pretrained.load_tokenizer(folder)(text, return_tensors="pt").to(model_folder.device())

    @torch.inference_mode()
    def boxes(self, grey: NDArray[np.uint8]) -> Boxes:
        """The embryos' boxes in a frame, uint8 (H, W): float32 (N, 4) of left, top, right, bottom in px, from the top.

        N is 0 where nothing is like the prompt.
        """
        image = pretrained.to_input(grey, reduced(grey.shape, self._settings))
        found = self._network(
            pixel_values=image,
            input_ids=self._text["input_ids"],
            token_type_ids=self._text["token_type_ids"],
            attention_mask=self._text["attention_mask"],
        )
        scores = found.logits[0].float().sigmoid().amax(dim=1).cpu().numpy()
        return choose(scores, found.pred_boxes[0].float().cpu().numpy(), grey.shape, self._settings)
