"""Forests, clusters and boosted trees of scikit-learn: threads of OpenMP and of Python."""

from sklearn.cluster import KMeans
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

points, classes = make_classification(3000, 20, random_state=1)
forest = RandomForestClassifier(40, random_state=0, n_jobs=2).fit(points, classes)
print(forest.score(points, classes))
print(round(KMeans(8, n_init=2, random_state=0).fit(points).inertia_, 3))
boosted = HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(points, classes)
print(boosted.score(points, classes))
