"""The detector: GroundingDINO draws a box around everything in a frame that the prompt names."""

from pathlib import Path

import torch

from stages.imaging.arrays import Grey
from stages.networks import pretrained
from stages.networks.torch_device import device
from stages.segmentation.seed_boxes import Boxes, Settings, choose, reduced


class Detector:
    """GroundingDINO, loaded with its tokenizer from a folder that transformers wrote."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        from transformers import GroundingDinoForObjectDetection

        self._network = pretrained.load_network(GroundingDinoForObjectDetection, folder)
        self._settings = settings
        # The network was trained on phrases in small letters, each ended by a full stop.
        text = settings.prompt.lower().strip(" .") + "."
        self._text = pretrained.load_tokenizer(folder)(text, return_tensors="pt").to(device())

    @torch.inference_mode()
    def boxes(self, grey: Grey) -> Boxes:
        """The embryos' boxes in a frame, uint8 (H, W): float32 (N, 4) of left, top, right, bottom in px, from the top.

        N is 0 if nothing is like the prompt.
        """
        image = pretrained.to_input(grey, reduced(grey.shape, self._settings))
        output = self._network(
            pixel_values=image,
            input_ids=self._text["input_ids"],
            token_type_ids=self._text["token_type_ids"],
            attention_mask=self._text["attention_mask"],
        )
        scores = output.logits[0].float().sigmoid().amax(dim=1).cpu().numpy()
        return choose(scores, output.pred_boxes[0].float().cpu().numpy(), grey.shape, self._settings)
