"""Group DRO: training on the cells of class and source by how badly each is classified."""

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, one_hot


class GroupDRO(nn.Module):
    """Weighs the losses of cells (Sagawa et al., 2020, arXiv 1911.08731, algorithm 1).

    Minimises the worst of the cells' mean losses instead of the mean over images: each step raises
    the weight of a cell by how large its loss is, and the objective is the sum of the weighted
    losses. As in the authors' program, a cell has the mean loss of its images in the batch, and one
    that is not in the batch has a loss of 0. The algorithm draws cells equally often: with
    `balance_classes` and `balance_sources` of 1 a recipe does.

    The weights are a buffer, so that checkpoints hold them and a resumed training goes on with
    them. They are kept as logarithms, which no step can overflow.

    Args:
        cells: number of cells, G.
        step_size: eta of the algorithm, > 0; the authors take 0.01.

    Examples:
        >>> group_dro = GroupDRO(cells=2, step_size=0.5)
        >>> objective = group_dro(torch.tensor([0.1, 0.3, 2.0]), torch.tensor([0, 0, 1]))
        >>> [round(weight, 3) for weight in group_dro.weights.tolist()]
        [0.289, 0.711]
        >>> round(objective.item(), 3)
        1.48
    """

    def __init__(self, cells: int, step_size: float) -> None:
        super().__init__()
        self.step_size = step_size
        self.log_weights: Tensor
        self.register_buffer("log_weights", log_softmax(torch.zeros(cells), dim=0))

    @property
    def weights(self) -> Tensor:
        """(G,) of each cell, >= 0 and summing to 1."""
        return self.log_weights.exp()

    def forward(self, losses: Tensor, cells: Tensor) -> Tensor:
        """Updates the weights and computes the objective with the new ones.

        Args:
            losses: (B,) float32, of each image, with a gradient.
            cells: (B,) int64, the cell of each.

        Returns:
            () the sum over cells of weight times mean loss.
        """
        members = one_hot(cells, len(self.log_weights)).to(losses.dtype)
        # a sum and no matrix product: autocast would do that in half precision
        means = (members * losses[:, None]).sum(dim=0) / members.sum(dim=0).clamp(min=1)
        raised = self.log_weights + self.step_size * means.detach()
        self.log_weights.copy_(log_softmax(raised, dim=0))
        return (self.weights * means).sum()
