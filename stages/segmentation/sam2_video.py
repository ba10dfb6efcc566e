"""Segmenter `sam2`: GroundingDINO finds the embryos in a seed frame, SAM 2.1 follows them through the later ones."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import interpolate

from morphseq_manifest.base.errors import ContentError
from stages.imaging.arrays import Grey
from stages.networks import pretrained
from stages.segmentation.detector import Detector
from stages.segmentation.seed_boxes import Boxes, Settings
from stages.segmentation.segmented import MOST_EMBRYOS, Segmented

if TYPE_CHECKING:
    from transformers import Sam2VideoModel

DETECTOR, TRACKER = "grounding_dino", "sam2"
# As SAM 2 marks the two corners of a box among its points.
_CORNERS = (2, 3)


class Sam2Segmenter:
    """Embryos are what the detector finds in the first frame in which it finds any, tracked from there on.

    Frames before it have none, and an embryo that the seed frame does not show is not found later.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        from transformers import Sam2VideoModel

        self._detector = Detector(folder / DETECTOR, settings)
        self._tracker = pretrained.load_network(Sam2VideoModel, folder / TRACKER)

    def segment(self, frames: Iterable[Grey], um_per_px: float | None = None) -> Iterator[Segmented]:
        """Segment frames, uint8 (H, W), of any scale; confidence: mean probability within the embryo."""
        video: Video | None = None
        for grey in frames:
            boxes = self._detector.boxes(grey) if video is None else None
            if boxes is not None and len(boxes):
                video = Video(self._tracker, boxes, grey.shape)
            if video is None:
                yield Segmented(np.zeros(grey.shape, np.uint8), {})
            else:
                yield to_labels(video.follow(grey), grey.shape, is_seed=boxes is not None)


class Video:
    """The tracking of one well's embryos: a session of SAM 2 that keeps only what later frames look back to."""

    def __init__(self, model: "Sam2VideoModel", boxes: Boxes, shape: tuple[int, ...]) -> None:
        """Begin with the boxes (N, 4) of the embryos, in px of a seed frame of `shape` (H, W)."""
        from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

        if len(boxes) > MOST_EMBRYOS:
            raise ContentError(f"{len(boxes)} embryos in one frame: no frame of embryos, or a prompt that does not fit")
        self._model = model
        size = model.config.image_size
        self._size = (size, size) if isinstance(size, int) else (size[0], size[1])
        device = model.device
        self._session = Sam2VideoInferenceSession(
            video_height=shape[0],
            video_width=shape[1],
            inference_device=device,
            inference_state_device=device,
            video_storage_device=device,
            dtype=torch.float32,
        )
        to_size = np.array([self._size[1] / shape[1], self._size[0] / shape[0]], np.float32)
        for embryo, box in enumerate(boxes, start=1):
            corners = torch.from_numpy(box.reshape(1, 1, 2, 2) * to_size)
            marks = torch.tensor(_CORNERS, dtype=torch.int32).view(1, 1, 2)
            index = self._session.obj_id_to_idx(embryo)
            self._session.add_point_inputs(index, 0, {"point_coords": corners, "point_labels": marks})
        self._session.obj_with_new_inputs = list(range(1, len(boxes) + 1))
        self._frame = 0

    @torch.inference_mode()
    def follow(self, grey: Grey) -> torch.Tensor:
        """Logits of every embryo in the next frame, float32 (N, h, w), at the network's own resolution."""
        image = pretrained.to_input(grey, self._size)
        output = self._model(self._session, frame_idx=self._frame, frame=image)
        self._forget()
        self._frame += 1
        logits: torch.Tensor = output.pred_masks[:, 0].float()
        return logits

    def _forget(self) -> None:
        """Drop the frame, and what lies farther back than the memory that later frames use: a well has hundreds."""
        config = self._model.config
        oldest = self._frame - max(config.num_maskmem, config.max_object_pointers_in_encoder)
        self._session.processed_frames = {}
        for outputs in self._session.output_dict_per_obj.values():
            for kind in outputs.values():
                kind.get(self._frame, {}).pop("high_res_masks", None)
            outputs["non_cond_frame_outputs"].pop(oldest, None)


def to_labels(logits: torch.Tensor, shape: tuple[int, ...], *, is_seed: bool) -> Segmented:
    """Label image of `shape` (H, W) from logits (N, h, w), one embryo each: a pixel is the likeliest embryo's, if any.

    An embryo out of sight has no pixel, and no confidence.
    """
    best = torch.zeros(shape, device=logits.device)
    labels = torch.zeros(shape, dtype=torch.uint8, device=logits.device)
    for embryo, small in enumerate(logits, start=1):
        large = interpolate(small[None, None], (shape[0], shape[1]), mode="bilinear", align_corners=False)[0, 0]
        nearer = large > best
        best = torch.where(nearer, large, best)
        labels.masked_fill_(nearer, embryo)
    seen = torch.unique(labels).tolist()
    confidence = {embryo: float(best[labels == embryo].sigmoid().mean()) for embryo in seen if embryo}
    return Segmented(labels.cpu().numpy(), confidence, is_seed)
