"""Tiny model folders with random weights, of every kind that the pipeline loads."""

import json
from pathlib import Path

import torch
from torch import nn

from stages.networks.shapes import Encoder

# Where BERT's vocabulary has what GroundingDINO looks for: the ends of a phrase are known by their numbers.
_WORDS = {
    0: "[PAD]",
    100: "[UNK]",
    101: "[CLS]",
    102: "[SEP]",
    103: "[MASK]",
    200: "individual",
    201: "embryo",
    1012: ".",
}
_VOCABULARY = 1030


def sam2_folder(folder: Path, **detector: object) -> Path:
    """A segmenter of kind `sam2`: GroundingDINO with 8 queries, and SAM 2.1 at 64 x 64 px."""
    _grounding_dino(folder / "grounding_dino")
    _sam2(folder / "sam2")
    settings = {"short_px": 64, "long_px": 96, **detector}
    (folder / "config.json").write_text(json.dumps({"kind": "sam2", "detector": settings}))
    return folder


def _grounding_dino(folder: Path) -> None:
    from transformers import BertConfig, BertTokenizer, GroundingDinoConfig, GroundingDinoForObjectDetection, SwinConfig

    folder.mkdir(parents=True)
    vocabulary = [_WORDS.get(number, f"[unused{number}]") for number in range(_VOCABULARY)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(  # type: ignore[call-arg]  # out_indices is a property of its parent
            image_size=64, embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=4, out_indices=[2, 3, 4]
        ),
        text_config=BertConfig(
            vocab_size=_VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=64,
        ),
        d_model=32, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=32, decoder_ffn_dim=32,
        encoder_attention_heads=4, decoder_attention_heads=4, num_queries=8, max_text_len=64,
    )  # fmt: skip
    GroundingDinoForObjectDetection(config).save_pretrained(folder)


def _sam2(folder: Path) -> None:
    from transformers import Sam2HieraDetConfig, Sam2VideoConfig, Sam2VideoModel, Sam2VisionConfig
    from transformers.models.sam2_video.configuration_sam2_video import (
        Sam2VideoMaskDecoderConfig,
        Sam2VideoPromptEncoderConfig,
    )

    torch.manual_seed(0)
    backbone = Sam2HieraDetConfig(
        image_size=[64, 64], hidden_size=8, embed_dim_per_stage=[8, 16, 32, 64], num_attention_heads_per_stage=[1] * 4,
        blocks_per_stage=[1, 1, 2, 1], window_size_per_stage=[4] * 4, global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )  # fmt: skip
    vision = Sam2VisionConfig(
        backbone_config=backbone, backbone_channel_list=[64, 32, 16, 8], fpn_hidden_size=128,
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
    )  # fmt: skip
    config = Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=Sam2VideoPromptEncoderConfig(hidden_size=128, image_size=64, mask_input_channels=4),
        mask_decoder_config=Sam2VideoMaskDecoderConfig(
            hidden_size=128, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
        ),
        image_size=64, num_maskmem=3, max_object_pointers_in_encoder=4, memory_attention_hidden_size=128,
        memory_attention_num_layers=1, memory_attention_feed_forward_hidden_size=32,
        memory_attention_rope_feat_sizes=[4, 4], memory_encoder_hidden_size=128, mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128, memory_fuser_intermediate_dim=32, memory_fuser_num_layers=1,
    )  # fmt: skip
    model = Sam2VideoModel(config)
    # Random weights find nothing more often than not: every embryo stays in sight here.
    with torch.no_grad():
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(1.0)
    model.save_pretrained(folder)


class Pyramid(nn.Module):
    """A feature pyramid over four strided convolutions: (N, 3, H, W) to logits (N, 1, H, W), H and W any."""

    def __init__(self, channels: tuple[int, ...] = (4, 8, 8), width: int = 4) -> None:
        super().__init__()
        pairs = zip((3, *channels[:-1]), channels, strict=True)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(one, other, 3, 2, 1, bias=False), nn.BatchNorm2d(other), nn.ReLU())
            for one, other in pairs
        )
        self.across = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.head = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        levels, level = [], images
        for down in self.down:
            level = down(level)
            levels.append(level)
        merged = self.across[-1](levels[-1])
        for across, level in zip(list(self.across)[-2::-1], levels[-2::-1], strict=True):
            merged = across(level) + nn.functional.interpolate(merged, size=level.shape[-2:], mode="nearest")
        return nn.functional.interpolate(self.head(merged), size=images.shape[-2:], mode="bilinear")


def exported_folder(folder: Path, network: nn.Module, shape: tuple[int, ...] = (2, 3, 576, 320)) -> Path:
    """A model of kind `exported`, written as docs/models.md says."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"kind": "exported"}')
    batch = {0: torch.export.Dim("N", min=1)}
    program = torch.export.export(network.eval(), (torch.zeros(shape),), dynamic_shapes=(batch,))
    torch.export.save(program, folder / "model.pt2")
    return folder


def legacy_folder(folder: Path, **config: object) -> Path:
    """One of the lab's VAE folders: 3 layers, 5 latents, the decoder's tensors beside the encoder's."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    encoder = Encoder([4, 8, 8], 5, (288, 128))
    state = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    state["decoder.fc.weight"] = torch.zeros(3, 3)
    torch.save({"model_state_dict": state}, folder / "model.pt")
    values = {"name": "VAEConfig", "input_dim": [1, 288, 128], "latent_dim": 5, "uses_default_encoder": False, **config}
    (folder / "model_config.json").write_text(json.dumps(values))
    return folder
