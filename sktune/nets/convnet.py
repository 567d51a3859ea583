"""A convolutional network that classifies images."""

from typing import Any

from torch import nn

from sktune.nets.base import ReadyNet
from sktune.nets.checks import IMAGE_RULES
from sktune.nets.classes import ClassTargets
from sktune.nets.images import channels_height_width
from sktune.nets.module import ConvNet
from sktune.nets.sparse import AnyRows
from sktune.synonyms import says_what_is_meant


class ConvNetClassifier(ClassTargets, ReadyNet):
    """A convolutional network classifier, as a skorch net.

    ``depth`` times a convolution, an activation and a pooling that halves the image, then a linear
    layer (LeCun et al., *Gradient-based learning applied to document recognition*, 1998, with
    today's parts). It minimises the cross-entropy. Pixels should be of the order of 1: divide
    bytes by 255.

    Parameters
    ----------
    depth : int, default=2
        Convolutional layers; 0 is multinomial logistic regression.
    filters : int, default=32
        Filters of the first layer; each next one has twice as many.
    kernel_size : int, default=3
        Height and width of a filter in pixels, odd.
    dropout : float, default=0.0
        Rate of inputs of the last layer dropped in training, at least 0 and below 1.
    activation : {"relu", "gelu", "silu", "elu", "leaky_relu", "tanh"}, default="relu"
        The non-linearity.
    normalization : {None, "batch"}, default=None
        Normalisation before each activation.
    image_shape : None, (height, width) or (channels, height, width), default=None
        How to read rows of shape (n_samples, n_features). Without it, each is an image of one
        row of pixels. Images of shape (height, width) have one channel. Those that seem to have
        their channels last, such as (28, 28, 3), are refused: give ``np.moveaxis(X, -1, 1)``, or
        this same shape here if its first axis are the channels nevertheless.
    lr : float, default=0.001
        Learning rate; with a schedule, its highest value.
    batch_size : int, default=64
        Images in a mini-batch.
    max_epochs : int, default=30
        Passes over the data in ``fit``, and the horizon of the learning-rate schedule.
    weight_decay : float, default=0.0
        Strength of the decay: decoupled with "adamw", an L2 penalty with the others.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"}, default="adamw"
        The optimiser; "sgd" has a Nesterov momentum of 0.9.
    lr_schedule : {"constant", "cosine", "onecycle"}, default="cosine"
        How the learning rate changes from batch to batch.
    device : str or torch.device, default="cpu"
        Where to train, such as "cpu" or "cuda".
    random_state : int, RandomState or None, default=None
        Seed of the weights, the order of the images and the dropout. With None they are drawn
        from torch's global generator; otherwise no global generator is touched.
    verbose : int, default=0
        1 prints a line for each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    n_features_in_ : int
        Length of the first axis of an image or row.
    module_ : torch.nn.Module
        The network.
    optimizer_ : torch.optim.Optimizer
        Its optimiser.
    history_ : skorch.history.History
        What was measured in each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sktune import ConvNetClassifier
    >>> digits = load_digits()
    >>> X, y = digits.images / 16, digits.target
    >>> net = ConvNetClassifier(filters=8, lr=0.01, max_epochs=5, random_state=0).fit(X, y)
    >>> net.predict(X).shape
    (1797,)
    >>> net.score(X, y) > 0.9
    True
    >>> flat = digits.data / 16
    >>> again = ConvNetClassifier(
    ...     filters=8, lr=0.01, max_epochs=5, image_shape=(8, 8), random_state=0
    ... ).fit(flat, y)
    >>> bool((again.predict(flat) == net.predict(X)).all())
    True
    """

    rules = IMAGE_RULES
    _validation = ReadyNet._validation | {"allow_nd": True}

    @says_what_is_meant
    def __init__(
        self,
        depth: int = 2,
        filters: int = 32,
        kernel_size: int = 3,
        dropout: float = 0.0,
        activation: str = "relu",
        normalization: str | None = None,
        image_shape: Any = None,
        lr: float = 1e-3,
        batch_size: int = 64,
        max_epochs: int = 30,
        weight_decay: float = 0.0,
        optimizer: str = "adamw",
        lr_schedule: str = "cosine",
        device: Any = "cpu",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.depth = depth
        self.filters = filters
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.activation = activation
        self.normalization = normalization
        self.image_shape = image_shape
        self.lr = lr
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.weight_decay = weight_decay
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _as_input(self, X: Any) -> AnyRows:
        if tuple(X.shape[1:]) != self.row_shape_:
            raise ValueError(
                f"X has images of shape {tuple(X.shape[1:])}, but {type(self).__name__} was "
                f"fitted on images of shape {self.row_shape_}."
            )
        rows = super()._as_input(X)
        return rows.reshape(len(rows), *self.row_input_shape(self.row_shape_))

    def row_input_shape(self, row_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Return channels, height and width of an image."""
        return channels_height_width(row_shape, self.image_shape)

    def _module(self, row_shape: tuple[int, ...], n_outputs: int) -> nn.Module:
        return ConvNet(
            self.row_input_shape(row_shape),
            n_outputs,
            depth=int(self.depth),
            filters=int(self.filters),
            kernel_size=int(self.kernel_size),
            dropout=float(self.dropout),
            activation=self.activation,
            normalization=self.normalization,
        )
