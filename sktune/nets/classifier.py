"""A multi-layer perceptron that classifies the rows of a table."""

from sktune.nets.classes import ClassTargets
from sktune.nets.tabular import TabularNet


class MLPClassifier(ClassTargets, TabularNet):
    """A multi-layer perceptron classifier, as a skorch net.

    It minimises the cross-entropy. Features should be of similar scale: put a
    :class:`~sklearn.preprocessing.StandardScaler` in front of it.

    Targets of shape (n_samples, n_labels) that hold 0 and 1 are any number of labels for each row:
    the network minimises the mean cross-entropy of the labels, predicts such a matrix, and is
    scored by the share of rows all of whose labels are right.

    Parameters
    ----------
    depth : int, default=2
        Hidden layers; 0 is multinomial logistic regression.
    width : int, default=128
        Units of each hidden layer.
    dropout : float, default=0.0
        Rate of hidden units dropped in training, at least 0 and below 1.
    activation : {"relu", "gelu", "silu", "elu", "leaky_relu", "tanh"}, default="relu"
        The non-linearity.
    normalization : {None, "batch", "layer"}, default=None
        Normalisation before each activation.
    lr : float, default=0.001
        Learning rate; with a schedule, its highest value.
    batch_size : int, default=64
        Rows in a mini-batch.
    max_epochs : int, default=30
        Passes over the data in ``fit``, and the horizon of the learning-rate schedule.
    weight_decay : float, default=0.0
        Strength of the decay: decoupled with "adamw" (Loshchilov and Hutter, ICLR 2019), an L2
        penalty on the loss with the others.
    optimizer : {"adamw", "adam", "sgd", "rmsprop"}, default="adamw"
        The optimiser; "sgd" has a Nesterov momentum of 0.9.
    lr_schedule : {"constant", "cosine", "onecycle"}, default="cosine"
        How the learning rate changes from batch to batch; "cosine" falls to 0 over
        ``max_epochs``, "onecycle" rises for the first 30 % of the steps and falls after them.
    device : str or torch.device, default="cpu"
        Where to train, such as "cpu" or "cuda".
    random_state : int, RandomState or None, default=None
        Seed of the weights, the order of the rows and the dropout. With None they are drawn
        from torch's global generator; otherwise no global generator is touched.
    verbose : int, default=0
        1 prints a line for each epoch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        The class labels, sorted; with an indicator matrix 0 and 1 for each of its columns.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if ``X`` had any.
    module_ : torch.nn.Module
        The network.
    optimizer_ : torch.optim.Optimizer
        Its optimiser.
    history_ : skorch.history.History
        What was measured in each epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sktune import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(lr=0.01, random_state=0).fit(X, y)
    >>> net
    MLPClassifier(lr=0.01, random_state=0)
    >>> net.predict_proba(X).shape
    (150, 3)
    >>> net.score(X, y) > 0.9
    True
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, y = make_multilabel_classification(n_classes=3, random_state=0)
    >>> net.fit(X, y).predict(X).shape, net.predict_proba(X).shape
    ((100, 3), (100, 3))
    >>> net.set_params(depth=-1, lr=0).fit(X, y)
    Traceback (most recent call last):
    sktune.exceptions.InvalidSettingsError: `depth`=-1 must be a whole number, at least 0.
    `lr`=0 must be a finite number above 0.
    """
